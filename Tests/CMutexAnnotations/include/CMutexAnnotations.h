/// Nothing to call: in programs built with the thread sanitizer, linking it tells the sanitizer of Swift's `Mutex`.
