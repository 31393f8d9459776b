int sk_placeholder(void) { return 0; }
