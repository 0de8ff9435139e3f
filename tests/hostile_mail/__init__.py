"""Mail that somebody has made to hurt whoever reads it, and what becomes of it here."""
