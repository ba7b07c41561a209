"""Words for people: one catalogue per language (``*.po``, gettext's format), used by server, agent's terminal and page.

Owns the catalogues and how they are read; imports nothing else of the project and nothing outside of the standard
library, since the agent reads its words here on a Raspberry Pi. A message is known by an id such as
``fault.lampFailure.title``; its parameters are named: ``{lamp_id}``. A new language is one new file in this folder.
"""
