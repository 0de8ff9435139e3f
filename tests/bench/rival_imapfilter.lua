-- The job for imapfilter 2.8: SEARCH on the server where it can say the condition, patterns on fetched headers
-- where it cannot. Place and login come from the environment. Names of lists and years come from each message,
-- as in the rules, by fetch_field and fetch_date, which is the way that imapfilter_config(5) gives.
options.timeout = 300
options.limit = 300  -- longer sets overrun imapfilter's own command buffer, and it stores nothing
options.create = true
options.starttls = false
options.certificates = false
options.info = false
options.charset = 'UTF-8'

account = IMAP {
  server = os.getenv('JOB_HOST'),
  port = tonumber(os.getenv('JOB_PORT')),
  username = os.getenv('JOB_USER'),
  password = os.getenv('JOB_PASSWORD'),
}
inbox = account.INBOX

family = inbox:contain_from('@home.example')
answered = inbox:is_answered()
large = inbox:is_larger(30 * 1024 - 1)
old_unread = inbox:is_unseen() * inbox:arrived_before('01-Jan-2026')
addressed = inbox:contain_cc('me@example.net')
reviews = inbox:contain_from('notifications@github.example')
important = reviews *
  (inbox:contain_field('X-GitHub-Reason', 'mention') + inbox:contain_field('X-GitHub-Reason', 'review_requested'))
bulk = inbox:contain_field('Precedence', 'bulk')
old = inbox:arrived_before('01-Jan-2025')
receipts = inbox:contain_from('orders@') * (inbox:contain_subject('invoice') + inbox:contain_subject('receipt'))
spam = inbox:contain_field('X-Spam-Status', 'Yes'):match_field('X-Spam-Status', 'Yes, score=(1[5-9]|[2-9]\\d)\\.')
very_old = inbox:is_unflagged() * inbox:arrived_before('01-Jan-2024')

github = reviews - important
taken = github
lists = {}
for _, message in ipairs(inbox:contain_field('List-Id', '.lists.') - taken) do
  local mailbox, uid = table.unpack(message)
  local name = string.match(mailbox[uid]:fetch_field('List-Id'), '<([a-z0-9-]+)%.lists%.')
  if name then
    lists[name] = lists[name] or Set {}
    table.insert(lists[name], message)
  end
end
for _, messages in pairs(lists) do taken = taken + messages end
trash = bulk * old - taken
taken = taken + trash
newsletters = bulk - taken
taken = taken + newsletters
bills = receipts - taken
taken = taken + bills
years = {}
for _, message in ipairs(bills) do
  local mailbox, uid = table.unpack(message)
  local year = string.match(mailbox[uid]:fetch_date(), '%-(%d%d%d%d) ')
  years[year] = years[year] or Set {}
  table.insert(years[year], message)
end
junk = spam - taken
taken = taken + junk
archive = very_old - taken

if os.getenv('JOB_LOOK') then os.exit(0) end

family:mark_flagged()
answered:add_flags({'$Done'})
large:add_flags({'$Large'})
read = old_unread + github + newsletters
read:mark_seen()
addressed:add_flags({'$Direct'})
important:add_flags({'$Important'})
bills:copy_messages(account['Bills'])
github:move_messages(account['Dev/GitHub'])
for name, messages in pairs(lists) do messages:move_messages(account['Lists/' .. name]) end
trash:move_messages(account['Trash'])
newsletters:move_messages(account['Newsletters'])
for year, messages in pairs(years) do messages:move_messages(account['Receipts/' .. year]) end
junk:move_messages(account['Junk'])
archive:move_messages(account['Archive'])
