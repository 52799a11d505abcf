"""Which mentions of a people are of its language: "in English"."""

import re

from newstally_extractor.names.rules.forms import word_set

LANGUAGES = word_set(
    "albanian arabic armenian bengali bosnian bulgarian burmese cantonese catalan chinese croatian "
    "czech danish dutch english estonian farsi finnish french georgian german greek haitian hebrew "
    "hindi hungarian icelandic indonesian irish italian japanese khmer korean kurdish lao latin "
    "latvian lithuanian malay mandarin mongolian nepali norwegian pashto persian polish portuguese "
    "punjabi romanian russian serbian slovak somali spanish swahili swedish tagalog tamil thai "
    "tibetan turkish ukrainian urdu uzbek vietnamese welsh"
)
_LANGUAGE = r"[A-Z][a-z]+(?:, [A-Z][a-z]+)*,? (?:and|or)\s+"
_BEFORE = re.compile(
    r"(?:\b(?:bilingual|fluent|in|into|knew|know|learn(?:ed|ing|s|t)?|native|plain|prefers?|speak(?:ing|s)?|spoken?|taught|"
    r"teach(?:es|ing)?|than|to|translat(?:e|ed|es|ing|ion)|via)\s+"
    rf"|\b(?:between|both|either|from|in|into|speaks?|to)\s+{_LANGUAGE})\Z"
)
_NO_NOUN = re.compile(
    r"\s*(?:[^\w\s-]|\n|\Z|(?:and|or) [A-Z]|"
    r"(?:are|as|at|because|but|for|into|is|on|only|so|than|too|was|when|with)\b)"
)
"""What does not go on as "the Spanish government" does."""
_BEHIND = re.compile(
    r"[ -](?:classes|content|grammar|languages?|lessons?|only|proficiency|proficient|"
    r"speak(?:ers?|ing)|subtitles|to|translations?|versions?|words?)\b"
)
_CHARACTERS_BEFORE = 40
_CHARACTERS_BEHIND = 24


def is_language(text: str, start: int, end: int) -> bool:
    """Say whether the text around it shows that a mention is of a language."""
    behind = text[end : end + _CHARACTERS_BEHIND]
    if _BEHIND.match(behind):
        return True
    before = text[max(0, start - _CHARACTERS_BEFORE) : start]
    if before.endswith("non-"):
        return True
    return _NO_NOUN.match(behind) is not None and _BEFORE.search(before) is not None
