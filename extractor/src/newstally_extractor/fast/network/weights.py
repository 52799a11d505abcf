"""Reads the parameters of loaded thinc models, checking that they are built as expected."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from spacy.attrs import intify_attr
from spacy.vectors import Mode, Vectors
from thinc.api import Model

from newstally_extractor.fast.network.parameters import (
    Convolutions,
    Embedding,
    Floats,
    HashTable,
    Maxout,
    Scorer,
    StaticVectors,
)
from newstally_extractor.fast.unsupported import Unsupported

AnyModel = Model[Any, Any]

_TRANSPARENT = ("thinc.layers.chain", "thinc.layers.with_array")


def read_tok2vec(model: AnyModel, vectors: Any) -> tuple[Embedding, Convolutions]:
    """Read a tok2vec of hashed embeddings and windows of maxout.

    `vectors` are the vocabulary's. Raises Unsupported for any other.
    """
    leaves = _leaves(model)
    kinds = [_kind(leaf) for leaf in leaves]
    if kinds[:3] == ["extract_features", "list2ragged", "concatenate"]:
        extract, hashes, static, rest = leaves[0], leaves[2], None, leaves[3:]
    elif kinds[:1] == ["concatenate"] and len(leaves[0].layers) == 2:
        inner = _leaves(leaves[0].layers[0])
        static = leaves[0].layers[1]
        inner_kinds = [_kind(leaf) for leaf in inner]
        if inner_kinds != ["extract_features", "list2ragged", "concatenate"]:
            raise Unsupported("its embedding is not spacy.MultiHashEmbed")
        extract, hashes, rest = inner[0], inner[2], leaves[1:]
    else:
        raise Unsupported("its embedding is not spacy.MultiHashEmbed")
    kinds = [_kind(leaf) for leaf in rest]
    if kinds[:4] != ["maxout", "layernorm", "dropout", "ragged2list"]:
        raise Unsupported("its embedding is not mixed by one normalised maxout layer")
    attrs = tuple(int(intify_attr(name)) for name in extract.attrs["columns"])
    embedding = Embedding(
        attrs=attrs,
        tables=tuple(_hash_table(layer, attrs) for layer in hashes.layers),
        static=None if static is None else _static_vectors(static, vectors),
        mix=_maxout(rest[0], rest[1]),
    )
    convolutions = _convolutions(rest[4:], embedding.mix.width)
    if _padding(model) != convolutions.padding:
        raise Unsupported("its tok2vec pads texts differently")
    return embedding, convolutions


def read_scorer(model: AnyModel) -> Scorer:
    """Read the layers of a transition-based parser above its tok2vec."""
    project, lower = model.layers[0].layers[-1], model.layers[1]
    if _kind(project) != "linear" or _kind(lower) != "precomputable_affine":
        raise Unsupported("its decoder is not spacy.TransitionBasedParser")
    if model.attrs["unseen_classes"]:
        raise Unsupported("it has labels that were never trained")
    weights = _param(lower, "W")  # (F, O, P, H)
    features, width, pieces, hidden = weights.shape
    if features not in {3, 6}:
        raise Unsupported(f"its decoder looks at {features} tokens")
    flat = pieces * width
    upper = model.layers[2] if model.attrs["has_upper"] else None
    if upper is not None and _kind(upper) != "linear":
        raise Unsupported("its decoder is not spacy.TransitionBasedParser")
    return Scorer(
        project=_contiguous(_param(project, "W").T),
        project_bias=_param(project, "b"),
        lower=_contiguous(weights.transpose(0, 3, 2, 1).reshape(features, hidden, flat)),
        lower_bias=_contiguous(_param(lower, "b").T.reshape(flat)),
        missing=_contiguous(_param(lower, "pad")[0].transpose(0, 2, 1).reshape(features, flat)),
        pieces=pieces,
        upper=None if upper is None else _contiguous(_param(upper, "W").T),
        upper_bias=None if upper is None else _param(upper, "b"),
    )


def _convolutions(layers: Sequence[AnyModel], width: int) -> Convolutions:
    found: list[Maxout] = []
    windows: set[int] = set()
    for layer in layers:
        parts = _leaves(layer.layers[0]) if _kind(layer) == "residual" else []
        if [_kind(part) for part in parts] != ["expand_window", "maxout", "layernorm", "dropout"]:
            raise Unsupported("its encoder is not spacy.MaxoutWindowEncoder")
        windows.add(int(parts[0].attrs["window_size"]))
        found.append(_maxout(parts[1], parts[2]))
    if len(windows) != 1 or min(windows) < 1:
        raise Unsupported("its encoder has no window or several")
    window = windows.pop()
    shape = ((2 * window + 1) * width, found[0].pieces * width)
    if any(layer.weights.shape != shape for layer in found):
        raise Unsupported("the layers of its encoder differ in width")
    return Convolutions(window=window, layers=tuple(found))


def _hash_table(layer: AnyModel, attrs: Sequence[int]) -> HashTable:
    parts = _leaves(layer)
    if [_kind(part) for part in parts] != ["ints-getitem", "hashembed"]:
        raise Unsupported("its embedding has a table of an unknown kind")
    index = parts[0].attrs["index"]
    column = index[1] if isinstance(index, tuple) and len(index) == 2 else None
    if not isinstance(column, int) or not 0 <= column < len(attrs):
        raise Unsupported("its embedding has a table of several features")
    return HashTable(
        attr=attrs[column], seed=int(parts[1].attrs["seed"]), rows=_param(parts[1], "E")
    )


def _static_vectors(model: AnyModel, vectors: Any) -> StaticVectors:
    if _kind(model) != "static_vectors" or type(vectors) is not Vectors:
        raise Unsupported("its vectors are not spaCy's")
    if vectors.mode != Mode.default:
        raise Unsupported("its vectors are made of parts of words")
    data = vectors.data
    # The extremes tell, and take no room: vectors may be large.
    if data.size and not np.isfinite([data.min(), data.max()]).all():
        raise Unsupported("its vectors are not all finite")
    return StaticVectors(
        attr=int(vectors.attr), vectors=vectors, projection=_contiguous(_param(model, "W").T)
    )


def _maxout(dense: AnyModel, norm: AnyModel) -> Maxout:
    weights = _param(dense, "W")  # (O, P, I)
    width, pieces, inputs = weights.shape
    return Maxout(
        weights=_contiguous(weights.transpose(2, 1, 0).reshape(inputs, pieces * width)),
        bias=_contiguous(_param(dense, "b").T.reshape(pieces * width)),
        pieces=pieces,
        scale=_param(norm, "G"),
        shift=_param(norm, "b"),
    )


def _padding(model: AnyModel) -> int:
    found = [
        int(node.attrs["pad"])
        for node in model.walk()
        if _implementation(node) == "thinc.layers.with_array" and node.attrs["pad"]
    ]
    return found[0] if len(found) == 1 else -1


def _leaves(model: AnyModel) -> list[AnyModel]:
    """Return the layers that compute, in order; chains and changes of container are looked into."""
    if _implementation(model) in _TRANSPARENT:
        return [leaf for layer in model.layers for leaf in _leaves(layer)]
    return [model]


def _kind(model: AnyModel) -> str:
    """Return what a layer computes, by the code that computes it: names can be anything."""
    implementation = _implementation(model)
    return _KINDS.get(implementation, implementation)


def _implementation(model: AnyModel) -> str:
    return str(model._func.__module__)  # noqa: SLF001 - the only trustworthy mark of a layer


_KINDS = {
    "spacy.ml.featureextractor": "extract_features",
    "spacy.ml.staticvectors": "static_vectors",
    "spacy.ml._precomputable_affine": "precomputable_affine",
    "thinc.layers.array_getitem": "ints-getitem",
    "thinc.layers.concatenate": "concatenate",
    "thinc.layers.dropout": "dropout",
    "thinc.layers.expand_window": "expand_window",
    "thinc.layers.hashembed": "hashembed",
    "thinc.layers.layernorm": "layernorm",
    "thinc.layers.linear": "linear",
    "thinc.layers.list2ragged": "list2ragged",
    "thinc.layers.maxout": "maxout",
    "thinc.layers.ragged2list": "ragged2list",
    "thinc.layers.residual": "residual",
}


def _param(model: AnyModel, name: str) -> Floats:
    return _contiguous(model.get_param(name))


def _contiguous(array: Any) -> Floats:
    if not isinstance(array, np.ndarray):
        raise Unsupported("its parameters are not in this computer's memory")
    if not np.isfinite(array).all():
        raise Unsupported("its parameters are not all finite")
    return np.ascontiguousarray(array, dtype=np.float32)
