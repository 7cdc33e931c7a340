"""How Kraken's certificate is trusted: one context for all connections of a process, made before the process
is forked.

A context reads more than a hundred root certificates, which takes 21 ms and 1.7 MiB. Made when this module is
imported, its pages are shared by all that are forked later. Each of them has randomness of its own: OpenSSL
notices a fork.
"""

from __future__ import annotations

import ssl

from requests.utils import DEFAULT_CA_BUNDLE_PATH

#: Checks certificate and host name, by the roots that ``requests`` trusts.
EXCHANGE_TLS = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
