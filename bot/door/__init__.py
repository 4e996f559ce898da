"""Deliveries from outside: verified, kept before they are acknowledged, told apart."""
