"""A pipeline's tokenizer with a vocabulary of its own, which knows only what the model reads.

spaCy works out two dozen attributes of every new word; a model reads four or five. And what is
remembered of words here can be forgotten without the pipeline noticing.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from spacy.attrs import LENGTH, ORTH, SPACY
from spacy.language import Language
from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc
from spacy.vocab import Vocab

from newstally_extractor.fast.unsupported import Unsupported


def private_tokenizer(nlp: Language, attrs: Iterable[int]) -> Tokenizer:
    """Make it, for the lexical attributes that will be read.

    Raises Unsupported for attributes that are not a word's, and for a vocabulary in which words
    were changed by hand.
    """
    their_vocab: Any = nlp.vocab
    getters = their_vocab.lex_attr_getters
    needed: list[int | str] = [attr for attr in attrs if attr not in {LENGTH, ORTH, SPACY}]
    if unknown := [attr for attr in needed if attr not in getters]:
        raise Unsupported(f"its model reads attributes that are not a word's: {unknown}")
    kept: Any = {attr: getters[attr] for attr in needed}
    vocab = Vocab(lex_attr_getters=kept)
    theirs: Any = nlp.tokenizer
    strings = nlp.vocab.strings
    rules = {
        case: [
            {
                attr: value if isinstance(value, str) else strings[value]
                for attr, value in token.items()
            }
            for token in tokens
        ]
        for case, tokens in theirs.rules.items()
    }
    tokenizer = Tokenizer(
        vocab,
        rules=rules,
        prefix_search=theirs.prefix_search,
        suffix_search=theirs.suffix_search,
        infix_finditer=theirs.infix_finditer,
        token_match=theirs.token_match,
        url_match=theirs.url_match,
        faster_heuristics=theirs.faster_heuristics,
    )
    if needed and _differ(nlp.vocab, vocab, needed):
        raise Unsupported("its vocabulary has words whose attributes were changed")
    cases = {*rules, *(nlp.Defaults.tokenizer_exceptions or {})}
    if _cut_differently(theirs, tokenizer, cases, [ORTH, *needed]):
        raise Unsupported("its tokenizer does not follow its own rules")
    return tokenizer


def renewed(tokenizer: Tokenizer) -> Tokenizer:
    """Make a private tokenizer anew, with nothing in its vocabulary.

    A memory zone gives back what it took for words, but spaCy's hash tables behind it never shrink.
    """
    return Tokenizer(
        Vocab(lex_attr_getters=tokenizer.vocab.lex_attr_getters),
        rules=tokenizer.rules,
        prefix_search=tokenizer.prefix_search,
        suffix_search=tokenizer.suffix_search,
        infix_finditer=tokenizer.infix_finditer,
        token_match=tokenizer.token_match,
        url_match=tokenizer.url_match,
        faster_heuristics=tokenizer.faster_heuristics,
    )


def _cut_differently(
    theirs: Tokenizer, ours: Tokenizer, texts: Iterable[str], attrs: list[int | str]
) -> bool:
    """Say whether the rules, a dictionary that anyone can change, are not those that are used."""
    with theirs.vocab.memory_zone(), ours.vocab.memory_zone():
        return any(
            not np.array_equal(theirs(text).to_array(attrs), ours(text).to_array(attrs))
            for text in texts
        )


def _differ(theirs: Vocab, ours: Vocab, attrs: list[int | str]) -> bool:
    words = [lexeme.orth_ for lexeme in theirs if lexeme.orth_]
    with ours.memory_zone():
        mine = Doc(ours, words=words).to_array(attrs)
    return not np.array_equal(Doc(theirs, words=words).to_array(attrs), mine)
