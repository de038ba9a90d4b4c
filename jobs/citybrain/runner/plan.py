"""What a build would have to do, found out without Spark: compare the versions that exist with those consumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from citybrain.contracts import Contract
from citybrain.runner import state
from citybrain.runner.sources import fingerprint
from citybrain.runner.state import Pin, State


@dataclass(frozen=True)
class Plan:
    """Inputs pinned to one version each, what was consumed before, and how far the build has to reach."""

    contract: Contract
    target: Pin
    inputs: dict[str, Pin]
    consumed: dict[str, Pin]
    fingerprint: str
    sequence: int
    extent: Literal["nothing", "changes", "full"]
    reason: str
    blocked: str = ""  # which rules refused this very build before; then there is nothing to do

    @property
    def changed(self) -> tuple[str, ...]:
        return tuple(name for name, pin in self.inputs.items() if self.consumed.get(name) != pin)


def plan(contract: Contract, full: bool = False) -> Plan:
    """Pins every input to the version that exists now and decides between nothing, the changes, and a full build."""
    target = state.pin(contract.table)
    last = state.state(contract.table)
    now = fingerprint(contract)
    inputs = {name: state.pin(name) for name in contract.inputs}
    consumed, known = (last.inputs, last.fingerprint) if last else ({}, "")
    if seen := state.idle(contract.table, target):
        consumed, known = seen
    consumed = {name: state.forwarded(name, pin, inputs.get(name, pin)) for name, pin in consumed.items()}
    extent, reason = _extent(contract, inputs, consumed, last, known == now, full)
    sequence = (last.sequence if last else 0) + 1
    blocked = "" if full else state.blocked(contract.table, target, inputs, now)
    if blocked:
        extent, reason = "nothing", blocked
    return Plan(contract, target, inputs, consumed, now, sequence, extent, reason, blocked)


def _extent(
    contract: Contract,
    inputs: Mapping[str, Pin],
    consumed: Mapping[str, Pin],
    last: State | None,
    same_rules: bool,
    full: bool,
) -> tuple[Literal["nothing", "changes", "full"], str]:
    changed = [name for name, pin in inputs.items() if consumed.get(name) != pin]
    if full:
        return "full", "asked for"
    if last is None and not any(pin.id for pin in inputs.values()):
        return "nothing", "no input exists yet"
    if last is None:
        return "full", "first build"
    if not same_rules:
        return "full", "contract, rules or transform changed"
    if not changed:
        return "nothing", "inputs unchanged"
    if contract.build in ("replace", "journal"):
        return "full", f"changed: {', '.join(changed)}"
    for name in changed:
        before, now = consumed.get(name, Pin(None, -1)), inputs[name]
        if before.id != now.id and before.id is not None:
            return "full", f"{name} was made anew"
        if before.id is None and not is_followed(contract, name):
            return "full", f"{name} is new"
        if not is_followed(contract, name) and name not in contract.via:
            return "full", f"lookup {name} changed"
    return "changes", f"changed: {', '.join(changed)}"


def is_followed(contract: Contract, table: str) -> bool:
    """Whether an input is followed row by row."""
    from citybrain import contracts

    return contract.follows(contracts.load()[table])
