"""What a licence file says, and what it is not taken to say."""

import re
from importlib.metadata import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mining.licence_text import (
    NONE,
    OTHER,
    both,
    declared_in,
    expression,
    licence_of,
    recognise,
)

MIT = """The MIT License (MIT)

Copyright (c) 2013 Ann and Bob
All rights reserved.

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial
portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES
OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""
BSD_2 = """Copyright (c) 2019, Ann
Redistribution and use in source and binary forms, with or without modification, are permitted
provided that the following conditions are met:
1. Redistributions of source code must retain the above copyright notice, this list of conditions
   and the following disclaimer.
2. Redistributions in binary form must reproduce the above copyright notice, this list of conditions
   and the following disclaimer in the documentation and/or other materials provided with the
   distribution.
THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR
IMPLIED WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND
FITNESS FOR A PARTICULAR PURPOSE ARE DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR
CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL
DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES; LOSS OF USE,
DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER
IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF
THE USE OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
"""
THIRD = """3. Neither the name of the copyright holder nor the names of its contributors may be used
   to endorse or promote products derived from this software without specific prior written
   permission.
"""
BSD_3 = BSD_2.replace("THIS SOFTWARE IS PROVIDED BY", f"{THIRD}THIS SOFTWARE IS PROVIDED BY")
COMMONS_CLAUSE = """"Commons Clause" License Condition v1.0
The License does not include, and does not grant to you, the right to Sell the Software.
"""
UNSTATED = "LicenseRef-GPL-3.0-later-versions-unstated"


def shipped(package: str, name: str) -> str:
    """A licence file that an installed package ships."""
    (file,) = (f for f in files(package) or () if f.name == name and "dist-info" in str(f))
    return file.read_text(encoding="utf-8")


GPL_3 = shipped("PyGithub", "COPYING")


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        (MIT, "MIT"),
        (BSD_2, "BSD-2-Clause"),
        (BSD_3, "BSD-3-Clause"),
        (shipped("transformers", "LICENSE"), "Apache-2.0"),
        (f"{MIT}\n---\n{BSD_3}", "BSD-3-Clause AND MIT"),
        (f"{MIT}{COMMONS_CLAUSE}", f"{OTHER} AND MIT"),
        (f"{MIT}\nFor non-commercial use only.", f"{OTHER} AND MIT"),
        (
            MIT.replace("THE SOFTWARE IS", "It shall be used for Good, not Evil. THE SOFTWARE IS"),
            NONE,
        ),
        (MIT.replace("restriction,", "restriction, non-commercial,"), NONE),
        (BSD_3.replace("EVEN IF", "UNLESS"), NONE),
        ("MIT", NONE),
        ("", NONE),
        ("SPDX-License-Identifier: MIT OR Apache-2.0\n", "MIT OR Apache-2.0"),
        (f"# SPDX-License-Identifier: mit\n{MIT}", "MIT"),
        (f"{MIT}\nbundled:\nSPDX-License-Identifier: ISC", "MIT"),
        (f"SPDX-License-Identifier: No-Such-Licence\n{MIT}", "MIT"),
        (shipped("PyGithub", "COPYING.LESSER"), UNSTATED.replace("GPL", "LGPL")),
        (GPL_3, UNSTATED),
    ],
)
def test_a_text_is_the_licence_whose_wording_it_has(text: str, licence: str) -> None:
    assert licence_of(text) == licence


@pytest.mark.parametrize(
    ("beside", "licence"),
    [
        ("Free: version 3 of the License, or (at your option) any later version.", "-or-later"),
        ("under the GNU General Public License version 3 only.", "-only"),
        ("# SPDX-License-Identifier: GPL-3.0-or-later", "-or-later"),
        ("# SPDX-License-Identifier: GPL-3.0+", "-or-later"),
        ("# SPDX-License-Identifier: GPL-3.0", "-only"),
        ("# SPDX-License-Identifier: LGPL-3.0-or-later", None),
        ("version 2 of the License, or (at your option) any later version", None),
        ("This program is free software.", None),
    ],
)
def test_later_versions_are_meant_only_where_it_is_said(beside: str, licence: str | None) -> None:
    assert licence_of(GPL_3, beside) == (f"GPL-3.0{licence}" if licence else UNSTATED)


def test_how_others_may_apply_a_licence_says_nothing_of_this_code() -> None:
    assert "any later version" in GPL_3.split("END OF TERMS AND CONDITIONS")[1]
    changed = re.sub(r"If you develop a new program", "Should you write a program " * 20, GPL_3)
    assert licence_of(changed).startswith(UNSTATED)


@given(
    gaps=st.lists(st.sampled_from([" ", "\n", "  \t", "\n * ", "\n# "]), min_size=200, max_size=200)
)
def test_neither_layout_nor_case_changes_a_licence(gaps: list[str]) -> None:
    words = MIT.partition("Permission")[2].split()
    text = "Permission" + "".join(gap + word for gap, word in zip(gaps, words, strict=False))
    for one in (text, text.upper(), f"Copyright 2024 Olga\n{text}"):
        assert licence_of(one) == "MIT"


@given(at=st.integers(30, 150), text=st.sampled_from([MIT, BSD_2, BSD_3]))
def test_a_clause_put_in_anywhere_makes_it_another_licence(at: int, text: str) -> None:
    words = text.partition("All rights reserved.")[2].split() or text.split()
    clause = "nobody may sell it"
    words[at:at] = clause.split()
    assert OTHER in licence_of(" ".join(words)) or licence_of(" ".join(words)) == NONE


@given(st.text(max_size=300), st.text(max_size=100))
def test_whatever_a_file_holds_the_answer_is_an_expression_or_none(text: str, more: str) -> None:
    for one in (text, f"SPDX-License-Identifier: {text}", f"{MIT}{text}", f"{more}{GPL_3}{text}"):
        found = licence_of(one, more)
        assert found == NONE or expression(found)


def test_text_that_begins_like_a_licence_many_times_ends_soon() -> None:
    start = "Permission is hereby granted, free of charge, to any person obtaining a copy of this "
    assert recognise(start * 3000).ids == ()


def test_declared_expressions_are_valid_ones_each_once() -> None:
    lines = ("MIT", "mit", "Apache-2.0 WITH LLVM-exception -->", "(MIT", "GPL-2.0+ OR MIT", "")
    text = "".join(f"// SPDX-License-Identifier: {line}\n" for line in lines)
    assert declared_in(text) == [
        "MIT",
        "Apache-2.0 WITH LLVM-exception",
        "GPL-2.0-or-later OR MIT",
    ]


def test_a_choice_stays_one_beside_another_licence() -> None:
    assert both(["MIT OR Apache-2.0"]) == "MIT OR Apache-2.0"
    assert both(["MIT OR Apache-2.0", "0BSD"]) == "0BSD AND (MIT OR Apache-2.0)"
