import ast
from pathlib import Path

import pytest
from newstally_gateway import core

FILES = sorted(Path(core.__path__[0]).rglob("*.py"))
ALLOWED = {"collections", "dataclasses", "enum", "heapq", "itertools", "typing"}
PROTOCOL = {
    "newstally_protos.days",
    "newstally_protos.keys",
    "newstally_protos.limits",
    "newstally_protos.names",
    "newstally_protos.spellings",
    "newstally_protos.tracing.traceparent",
    "newstally_protos.v1.article_pb2",
    "newstally_protos.v1.extractor_pb2",
    "newstally_protos.v1.gateway_pb2",
    "newstally_protos.v1.journal_pb2",
    "newstally_protos.v1.status_pb2",
    "newstally_protos.v1.upload_pb2",
}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.stem))
def test_decisions_know_only_values(file: Path) -> None:
    """No I/O, tasks, clock, randomness or logs: only containers and the protocol's values."""
    for node in ast.walk(ast.parse(file.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [str(node.module)]
        for name in names:
            own = name.startswith("newstally_gateway.core.")
            assert own or name in PROTOCOL or name.split(".")[0] in ALLOWED, name
