"""Tests of the kit that mailrules gives to plugin and rule authors."""
