"""The commands of the bot, and what they read on this machine."""
