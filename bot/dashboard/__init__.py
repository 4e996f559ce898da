"""The dashboard: Flask pages that are whole without JavaScript, behind one admin token."""
