"""Files that jobs make for publishers: asked for, made, shown, expired."""
