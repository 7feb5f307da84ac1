"""A dictionary of our own, of a dozen words, in the form of CC-CEDICT."""

from __future__ import annotations

import gzip
from pathlib import Path

LINES = """# A comment.
退款 退款 [tui4 kuan3] /to refund/refund/
退 退 [tui4] /to retreat/to withdraw/
還 还 [Huan2] /surname Huan/
還 还 [hai2] /still/yet/in addition (to)/even/
沒有 没有 [mei2 you3] /haven't/hasn't/doesn't exist/
到 到 [dao4] /to arrive; to reach/verb complement denoting completion or result/
貓 猫 [mao1] /cat/CL:隻|只[zhi1]/(dialect) to hide oneself/
了 了 [le5] /(completed action marker)/
咪 咪 [mi1] /see 貓咪|猫咪[mao1 mi1]/
"""


def small_dictionary(folder: Path) -> Path:
    path = folder / "small.txt.gz"
    path.write_bytes(gzip.compress(LINES.encode()))
    return path
