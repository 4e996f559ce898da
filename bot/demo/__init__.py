"""The sample team: a made-up company whose review history `postil demo` learns from."""
