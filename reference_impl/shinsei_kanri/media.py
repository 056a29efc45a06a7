"""The media type of an attachment, from what its bytes are and what its name says."""

from __future__ import annotations

from reference_impl.shinsei_kanri.records import Content

BY_EXTENSION = {
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "pdf": "application/pdf",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "tiff": "image/tiff",
    "tif": "image/tiff",
    "xml": "application/xml",
    "txt": "text/plain",
    "csv": "text/csv",
}
UNKNOWN = "application/octet-stream"
START = 4096
"""Bytes that are looked at."""

_MAGIC = (
    (b"%PDF-", ("pdf",)),
    (b"\x89PNG\r\n\x1a\n", ("png",)),
    (b"\xff\xd8\xff", ("jpg", "jpeg")),
    (b"GIF87a", ("gif",)),
    (b"GIF89a", ("gif",)),
    (b"II*\0", ("tif", "tiff")),
    (b"MM\0*", ("tif", "tiff")),
    (b"PK\x03\x04", ("docx", "xlsx", "pptx")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ("doc", "xls", "ppt")),
)
_TEXTUAL = ("xml", "txt", "csv")


def detect(file_name: str, body: Content) -> str:
    """The media type of ``body``. Bytes decide over the name; what fits neither is `UNKNOWN`, never something to run.

    An empty file is what its name says.
    """
    extension = file_name.rpartition(".")[2].lower()
    if not body:
        return BY_EXTENSION.get(extension, UNKNOWN)
    start = bytes(body[:START])
    for magic, extensions in _MAGIC:
        if start.startswith(magic):
            if extension in extensions:
                return BY_EXTENSION[extension]
            return BY_EXTENSION[extensions[0]] if len(set(map(BY_EXTENSION.get, extensions))) == 1 else UNKNOWN
    return BY_EXTENSION[extension] if extension in _TEXTUAL and b"\0" not in start else UNKNOWN
