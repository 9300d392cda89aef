"""What the law gives each person: their face withdrawn with proof, and everything held about them."""
