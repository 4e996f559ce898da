"""History -> pairs: fetch review history, judge it, and turn it into instruction/response pairs."""
