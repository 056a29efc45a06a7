"""Interface profiles: the wire contract as data (paths, methods, wire names, formats, code lists, limits).

A profile is a folder of TOML files below ``profiles/``; a vendor's overlay is one TOML file that is laid over it.
Nothing here reads or writes the wire: mocks, reference and suites each wire the data on their own.
Every item carries its provenance (公開 / 二次情報 / 推定 / 仮定); `Profile.assumptions` lists what is not 公開.
"""

from __future__ import annotations

from interface_spec.profile.codes import CodeList, CodeValue, Limit, Timing
from interface_spec.profile.dialects import Dialect
from interface_spec.profile.drops import Drop, DropFile, Manifest
from interface_spec.profile.items import BOOL_FORMS, PROVENANCES, SERIAL_FORMS, Item, Items, ItemType, Provenance
from interface_spec.profile.loading import PROFILES, load_profile, profile_names
from interface_spec.profile.model import Assumption, Identity, Profile
from interface_spec.profile.numbers import CheckDigit, CheckDigitRule
from interface_spec.profile.package import Document, Package
from interface_spec.profile.records import RecordExchange, RecordField, RecordFile, RecordKind
from interface_spec.profile.surfaces import Envelope, ErrorBody, ErrorCode, OAuth, Operation, Surface, TextFile

__all__ = [
    "BOOL_FORMS",
    "PROFILES",
    "PROVENANCES",
    "SERIAL_FORMS",
    "Assumption",
    "CheckDigit",
    "CheckDigitRule",
    "CodeList",
    "CodeValue",
    "Dialect",
    "Document",
    "Drop",
    "DropFile",
    "Envelope",
    "ErrorBody",
    "ErrorCode",
    "Identity",
    "Item",
    "ItemType",
    "Items",
    "Limit",
    "Manifest",
    "OAuth",
    "Operation",
    "Package",
    "Profile",
    "Provenance",
    "RecordExchange",
    "RecordField",
    "RecordFile",
    "RecordKind",
    "Surface",
    "TextFile",
    "Timing",
    "load_profile",
    "profile_names",
]
