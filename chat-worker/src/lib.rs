//! mshub-chat-worker
