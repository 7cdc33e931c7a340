"""By what the front ends TLS, from contents of files. Needs nothing of gRPC."""

from __future__ import annotations

import os
import ssl

from krakencopy.supervisor.control.access_table import Tls


def server_context(tls: Tls) -> ssl.SSLContext:
    """TLS 1.3 with HTTP/2, and client certificates where a client has one. Raises OSError (ssl.SSLError)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_OPTIONAL
    # A session that is resumed would not show its certificate again.
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET
    context.set_alpn_protocols(["h2"])
    context.load_verify_locations(cadata=tls.client_ca)
    # ssl reads certificates with their keys from files alone.
    descriptor = os.memfd_create("tls", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(f"{tls.certificate}\n{tls.key}".encode())
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
    return context
