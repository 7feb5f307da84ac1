"""`backchannel replay`: play a labelled file through the real pipeline, as authors and annotators."""
