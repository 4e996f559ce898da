"""`postil backtest`: merged pull requests read again as if the adapter had been live."""
