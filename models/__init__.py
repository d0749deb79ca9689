"""Small quantized networks of real shapes, and how each of them was made."""
