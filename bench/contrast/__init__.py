"""Whether answers are about the very thing that was asked: labelled siblings, and what is sent."""
