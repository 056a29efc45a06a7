"""Between the profile and this system: canonical names and typed values inside, the profile's wire outside."""
