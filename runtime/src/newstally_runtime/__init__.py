"""What every Newstally service shares: settings, logs, health, metrics and draining."""
