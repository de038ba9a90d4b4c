"""Contracts: the one declaration of every table in the lake."""

from citybrain.contracts.load import SYSTEM_FIELDS, ContractError, downstream, in_order, load
from citybrain.contracts.model import LAYERS, Contract, Delivery, Field, Rule

__all__ = [
    "LAYERS",
    "SYSTEM_FIELDS",
    "Contract",
    "ContractError",
    "Delivery",
    "Field",
    "Rule",
    "downstream",
    "in_order",
    "load",
]
