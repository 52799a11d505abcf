"""What every Newstally service shares: settings, logs, health, metrics and draining."""

import os

# gRPC's core writes a line, past all of logging, for each peer that breaks HTTP/2 or sends too much
# metadata: megabytes in seconds. It reads this once, when grpc is imported, which comes later;
# GRPC_VERBOSITY=ERROR in the environment brings its lines back.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
