int sk_placeholder(void);
