"""What every Newstally service shares: settings, logs, health, metrics and draining."""

import os

# gRPC's core writes a line, past all of logging, for each peer that breaks HTTP/2 or sends too much
# metadata: megabytes in seconds. It reads this once, when grpc is imported, which comes later;
# GRPC_VERBOSITY=ERROR in the environment brings its lines back.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
# Read once, too. The list is of TLS 1.2 and older, which gRPC can be forbidden in no other way.
# This cipher needs a key that both ends share beforehand, which nobody has: only TLS 1.3 works.
os.environ.setdefault("GRPC_SSL_CIPHER_SUITES", "ECDHE-PSK-AES128-CBC-SHA")
