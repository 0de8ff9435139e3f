"""What do plugin and rule authors test with: an IMAP server and a mail store in memory, and messages to put in?"""
