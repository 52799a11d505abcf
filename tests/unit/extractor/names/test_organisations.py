"""What names the same organisation in an article, and what is left as it is."""

import pytest

from .marked import keys


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        pytest.param(
            "[World Health Organization|ORG] ... [WHO|ORG]",
            ["world health organization"] * 2,
            id="capitals",
        ),
        pytest.param(
            "[W.H.O.|ORG] ... [World Health Organization|ORG]",
            ["world health organization"] * 2,
            id="capitals with full stops, before it",
        ),
        pytest.param(
            "[National Rail|ORG], [New Radio|ORG], [NR|ORG]",
            ["national rail", "new radio", "nr"],
            id="capitals of two",
        ),
        pytest.param(
            "[Environmental Protection Agency|ORG], [epa|ORG]",
            ["environmental protection agency", "epa"],
            id="small letters abbreviate nothing",
        ),
        pytest.param(
            "[Association of Southeast Asian Nations|ORG] ([ASEAN|ORG]) ... [ASEAN|ORG]",
            ["association of southeast asian nations"] * 3,
            id="a bracket",
        ),
        pytest.param(
            "[Siemens|ORG] ([NYSE|ORG])", ["siemens", "nyse"], id="a bracket with something else"
        ),
        pytest.param(
            "[Digital Analytics Program|MISC] ([DAP|ORG])",
            ["digital analytics program"] * 2,
            id="a bracket joins across labels",
        ),
        pytest.param(
            "[Ford Motor Company|ORG] ... [Ford|ORG]", ["ford motor company"] * 2, id="shortened"
        ),
        pytest.param(
            "[Atari|ORG] or [Atari, Inc.|ORG]", ["atari, inc"] * 2, id="what it is by law"
        ),
        pytest.param(
            "[Sony Pictures|ORG] ... [Sony|ORG]", ["sony pictures", "sony"], id="a part, no kind"
        ),
        pytest.param(
            "[Harvard|ORG] ... [Harvard University|ORG]",
            ["harvard", "harvard university"],
            id="shortened before it is named",
        ),
        pytest.param(
            "the [House of Commons|ORG] and [House|ORG]", ["house of commons"] * 2, id="its head"
        ),
        pytest.param(
            "[Supreme Court|ORG], [District Court|ORG], [Court|ORG]",
            ["supreme court", "district court", "court"],
            id="the head of two",
        ),
        pytest.param(
            "[Israeli Army|ORG], [Army|ORG]", ["israeli army", "army"], id="every country has one"
        ),
        pytest.param(
            "[United States Navy|ORG], [Navy|ORG]", ["united states navy"] * 2, id="whose it is"
        ),
        pytest.param(
            "[Carpentries Executive Council|ORG], the [Executive Council|ORG]",
            ["carpentries executive council"] * 2,
            id="without what it is of",
        ),
        pytest.param(
            "[Texas Supreme Court|ORG], [Ohio Supreme Court|ORG], [Supreme Court|ORG]",
            ["texas supreme court", "ohio supreme court", "supreme court"],
            id="of one or the other",
        ),
        pytest.param(
            "the [Department of the Treasury|ORG], [Treasury|ORG]",
            ["department of the treasury"] * 2,
            id="what it is for",
        ),
        pytest.param(
            "[Software Carpentry|ORG] ... [SWC|ORG]",
            ["software carpentry"] * 2,
            id="a letter from inside a word",
        ),
        pytest.param(
            "[Privacy Act|ORG], [PIA|ORG]; [Awb Beef|ORG], [AWB|ORG]; [Air Fans|ORG], [AIRF|ORG]",
            ["privacy act", "pia", "awb beef", "awb", "air fans", "airf"],
            id="not any letter",
        ),
        pytest.param(
            "[U.S. Digital Service|ORG] ... [USDS|ORG]",
            ["u.s. digital service"] * 2,
            id="capitals of capitals",
        ),
        pytest.param(
            "[Office of Management|ORG] and; [Office of Management and Budget|ORG]",
            ["office of management and budget"] * 2,
            id="cut off before a function word",
        ),
        pytest.param(
            "[Outright|ORG] (formerly [Screentime Partners|ORG])",
            ["screentime partners"] * 2,
            id="the text says so",
        ),
    ],
)
def test_one_organisation(marked: str, expected: list[str]) -> None:
    """Each mention's key."""
    assert keys(marked) == expected


def test_signs_and_other_scripts_are_not_alike() -> None:
    """What is told apart by marks or has no letters at all is left as it is."""
    found = ["\u00f7", "\u2192", "\u0915\u093f", "\u0915\u093e"]
    assert keys(" ".join(f"[{text}|ORG]" for text in found)) == found
