"""Many people at once: from folders, ZIPs and lists of photographs, or from encodings made elsewhere."""
