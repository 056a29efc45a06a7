"""Screens for staff (③-4): server-rendered, no JavaScript, behind HTTP Basic."""
