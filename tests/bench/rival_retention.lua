-- The retention job for imapfilter 2.8. Place and login come from the environment.
options.timeout = 300
options.limit = 300  -- longer sets overrun imapfilter's own command buffer, and it moves nothing
options.starttls = false
options.certificates = false
options.info = false

account = IMAP {
  server = os.getenv('JOB_HOST'),
  port = tonumber(os.getenv('JOB_PORT')),
  username = os.getenv('JOB_USER'),
  password = os.getenv('JOB_PASSWORD'),
}
account.INBOX:arrived_before(form_date(990)):move_messages(account['Trash'])
