-- What other accounts' copies and moves put into a mailbox is asked for whenever mail arrives there.
CREATE INDEX commands_across ON commands (target) WHERE operation = 'append';
