"""REST: ``/api/v1``, a table of operations over rooms and catalog; see `table`."""

from __future__ import annotations

from server.gateways.rest.addresses import Addresses
from server.gateways.rest.call import Desk
from server.gateways.rest.courier import Courier
from server.gateways.rest.door import Door
from server.gateways.rest.operation import Endpoints

__all__ = ["Addresses", "Courier", "Desk", "Door", "Endpoints"]
