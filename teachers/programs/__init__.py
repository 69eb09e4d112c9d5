"""Teachers that are programs: functions for `ScriptedBackend`, which need no key, no network and no GPU."""
