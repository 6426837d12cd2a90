"""What people read: text and tables, in Dutch and English."""
