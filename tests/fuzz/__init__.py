"""What no bytes of a server may do: raise anything but the documented errors, at any layer of the client.

``targets`` says what is tried, ``mutation`` makes the inputs out of real bytes, ``million`` (``make million``)
tries many of them, ``with_atheris`` (``make fuzz``) lets coverage choose them, and ``test_fuzz`` tries a seeded few.
"""
