"""The portal (上报门户): departments hand in files by a browser or by HTTP, and read at once what is wrong with them.

A process of its own (`citybrain portal serve`). It decides who may do what and keeps the state of uploads; what becomes
of a file is decided by ``citybrain.ingest``, and a receipt's authority is ``receipt.json`` in landing.
"""
