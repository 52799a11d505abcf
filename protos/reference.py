"""Makes docs/api.md of the comments in the .proto files."""

from collections.abc import Iterator, Mapping, Sequence

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

PACKAGE = ".newstally.v1."
PUBLIC = ("gateway", "upload", "tally", "status", "article", "draining")
"""What the gateway serves to clients, and what that is made of; the rest is between services."""
HEAD = """\
# The protocol, message by message

Made by `make proto` from the comments in `protos/newstally/v1/`; change it there. How the calls are
used together, and what each status asks of a client: [protocol.md](protocol.md). An unset field has
its type's zero: 0, an empty text, no message. `optional` fields tell whether they are set.
"""
# Numbers of fields in descriptor.proto: they make up the paths of comments.
_MESSAGE, _ENUM, _SERVICE = 4, 5, 6
_FIELD, _NESTED, _NESTED_ENUM, _VALUE, _METHOD = 2, 3, 4, 2, 2
_Path = tuple[int, ...]


def render(files: FileDescriptorSet) -> str:
    """Return the page."""
    ours = {
        file.name.rpartition("/")[2].removesuffix(".proto"): file
        for file in files.file
        if file.package == PACKAGE.strip(".")
    }
    internal = [name for name in sorted(ours) if name not in PUBLIC]
    parts = [HEAD, "## For clients\n", *_files(ours, PUBLIC)]
    parts += ["## Between the services\n", *_files(ours, internal)]
    return "\n".join(parts)


def _files(files: Mapping[str, FileDescriptorProto], names: Sequence[str]) -> Iterator[str]:
    pages = [_File(files[name]) for name in names]
    for page in pages:
        yield from page.services()
    for page in pages:
        yield from page.types()


class _File:
    def __init__(self, file: FileDescriptorProto) -> None:
        self._file = file
        self._comments = {
            tuple(location.path): location.leading_comments
            for location in file.source_code_info.location
        }

    def services(self) -> Iterator[str]:
        for number, service in enumerate(self._file.service):
            path: _Path = (_SERVICE, number)
            yield f"### {service.name}\n\n{self._paragraphs(path)}\n"
            for index, method in enumerate(service.method):
                request = _type(method.input_type, stream=method.client_streaming)
                response = _type(method.output_type, stream=method.server_streaming)
                yield f"#### {service.name}.{method.name}\n\n{request} → {response}\n"
                yield f"{self._paragraphs((*path, _METHOD, index))}\n"

    def types(self) -> Iterator[str]:
        for number, message in enumerate(self._file.message_type):
            yield from self._message(message, (_MESSAGE, number), "")
        for number, enum in enumerate(self._file.enum_type):
            yield from self._enum(enum, (_ENUM, number), "")

    def _message(self, message: DescriptorProto, path: _Path, above: str) -> Iterator[str]:
        name = above + message.name
        yield f"### {name}\n\n{self._paragraphs(path)}\n"
        if message.field:
            rows = ["| field | type | |", "|---|---|---|"]
            for index, field in enumerate(message.field):
                name_and_number = f"`{field.name}` = {field.number}"
                comment = self._line((*path, _FIELD, index))
                rows.append(f"| {name_and_number} | {_kind(field, message)} | {comment} |")
            yield "\n".join(rows) + "\n"
        for index, nested in enumerate(message.nested_type):
            yield from self._message(nested, (*path, _NESTED, index), f"{name}.")
        for index, enum in enumerate(message.enum_type):
            yield from self._enum(enum, (*path, _NESTED_ENUM, index), f"{name}.")

    def _enum(self, enum: EnumDescriptorProto, path: _Path, above: str) -> Iterator[str]:
        rows = ["| value | |", "|---|---|"]
        for index, value in enumerate(enum.value):
            comment = self._line((*path, _VALUE, index))
            rows.append(f"| `{value.name}` = {value.number} | {comment} |")
        yield f"### {above}{enum.name}\n\n{self._paragraphs(path)}\n"
        yield "\n".join(rows) + "\n"

    def _paragraphs(self, path: _Path) -> str:
        """Return a comment as it stands; what is indented in it is a block."""
        lines: list[str] = []
        inside = False
        for line in self._comments.get(path, "").rstrip().split("\n"):
            if line.startswith("   ") != inside:
                lines.append("```")
                inside = not inside
            lines.append(line.removeprefix("   ") if inside else line.strip())
        return "\n".join([*lines, "```"] if inside else lines)

    def _line(self, path: _Path) -> str:
        return " ".join(self._comments.get(path, "").split()).replace("|", "\\|")


def _kind(field: FieldDescriptorProto, message: DescriptorProto) -> str:
    kind = FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
    text = _type(field.type_name) if field.type_name else kind
    if field.label == FieldDescriptorProto.LABEL_REPEATED:
        return f"repeated {text}"
    if field.proto3_optional:
        return f"optional {text}"
    if field.HasField("oneof_index"):
        return f"{text}, one of `{message.oneof_decl[field.oneof_index].name}`"
    return text


def _type(name: str, *, stream: bool = False) -> str:
    own = name.removeprefix(PACKAGE)
    # Anchors as GitHub makes them: small letters, no dots.
    text = f"[{own}](#{own.lower().replace('.', '')})" if own != name else f"`{name.strip('.')}`"
    return f"stream of {text}" if stream else text
