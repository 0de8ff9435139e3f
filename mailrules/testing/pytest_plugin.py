"""Which fixtures do plugin and rule authors get from mailrules?"""
