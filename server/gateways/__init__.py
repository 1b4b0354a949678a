"""Gateways: each protocol a client may speak, a thin translation onto rooms."""
