"""Loads the SDK with its models unbuilt: each is built when it is first used, and those that we use right here.

aiogram builds the hundreds of pydantic models of the Bot API while it is imported, which takes 120 MiB and most of a
start; we use twenty. Its last step is to call `model_rebuild` of each with the names that annotations mean, so that
step is put off. Where aiogram was imported before this, or goes another way one day, all is as it would be without.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel


def _import_unbuilt() -> Mapping[str, Any]:
    """Import aiogram. Returns the names that the annotations of its models mean; none if it was imported before."""
    names: dict[str, Any] = {}
    build = BaseModel.__dict__["model_rebuild"]

    def put_off(model: type[BaseModel], *, _types_namespace: Mapping[str, Any] | None = None, **_: Any) -> None:
        names.update(_types_namespace or {})

    type.__setattr__(BaseModel, "model_rebuild", classmethod(put_off))
    try:
        import aiogram  # noqa: F401  # pyright: ignore[reportUnusedImport]
    finally:
        type.__setattr__(BaseModel, "model_rebuild", build)
    return names


def _build_when_used(names: Mapping[str, Any]) -> None:
    """Let a model find the names by itself: pydantic calls `model_rebuild` at the first use of an unbuilt one."""
    from aiogram.client.context_controller import BotContextController

    build = BaseModel.model_rebuild.__func__  # pyright: ignore[reportFunctionMemberAccess, reportUnknownVariableType, reportUnknownMemberType]

    def build_with_names(model: type[BaseModel], **options: Any) -> bool | None:
        return build(model, **{"_types_namespace": names, **options})

    type.__setattr__(BotContextController, "model_rebuild", classmethod(build_with_names))


def _build_used() -> None:
    """Now, since building them takes longer than the event loop may stand still."""
    from aiogram import methods, types

    for model in (
        types.BotCommand,
        types.EphemeralMessageParameters,
        types.InlineKeyboardButton,
        types.InlineKeyboardMarkup,
        types.MessageEntity,
        types.ReactionTypeEmoji,
        types.ReplyParameters,
        methods.EditMessageText,
        methods.SendDocument,
        methods.SendMessage,
        methods.SendPhoto,
        methods.SetMyCommands,
    ):
        model.model_rebuild()


if names := _import_unbuilt():
    _build_when_used(names)
    _build_used()
