"""What two machines must agree on, and the way between them."""
