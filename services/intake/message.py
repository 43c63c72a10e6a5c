"""Remote write's message, as far as it is looked at: series with their labels; samples stay closed.

Nested so that nothing is unfolded before it was counted: 8 MiB of empty series would otherwise become a gigabyte of objects.
"""

from __future__ import annotations

from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_Field = descriptor_pb2.FieldDescriptorProto
_FIELDS: Final[dict[str, tuple[tuple[str, int, str], ...]]] = {
    # name, number in prometheus/prompb's WriteRequest, TimeSeries and Label, and what it holds ("" is closed bytes)
    "Request": (("timeseries", 1, "repeated"),),
    "Series": (("labels", 1, "Label"), ("samples", 2, "repeated"), ("histograms", 4, "repeated")),
    "Label": (("name", 1, ""), ("value", 2, "")),
}


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="intake.proto", package="intake", syntax="proto3")
    for title, fields in _FIELDS.items():
        message = file.message_type.add(name=title)
        for name, number, holds in fields:
            field = message.field.add(name=name, number=number, type=_Field.TYPE_BYTES)
            field.label = _Field.LABEL_REPEATED if holds else _Field.LABEL_OPTIONAL
            if holds in _FIELDS:
                field.type, field.type_name = _Field.TYPE_MESSAGE, f".intake.{holds}"
    return file


_POOL = descriptor_pool.DescriptorPool()
_POOL.Add(_file())


def _class(title: str) -> Any:  # noqa: ANN401  # made at run time
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"intake.{title}"))


Request: Final = _class("Request")
Series: Final = _class("Series")
