-- What a person took back while a command of ours was in doubt: rules read it before they judge (journal/taken_back.py).
CREATE INDEX steps_taken_back ON steps (detail) WHERE detail = 'somebody took it back since, so it stays as it is';
