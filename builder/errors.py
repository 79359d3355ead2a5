"""What can go wrong, as a person meets it: one line, and an exit code that means something."""

EXIT_CODES = """\
  0    done
  1    a defect of ours: the traceback is shown
  2    the input or the settings are wrong: nothing was generated
  3    the engine, the Hub or the machine failed: finished work is kept, the same command continues
  130  interrupted: finished work is kept, the same command continues"""


class MindTheGapError(Exception):
    """Base of every error that is shown to the user as one line without a traceback."""

    exit_code = 1


class InputError(MindTheGapError):
    """The user's input, file or setting is wrong; the message names it and says what to do."""

    exit_code = 2


class EngineError(MindTheGapError):
    """The engine cannot start, went away, or answers nonsense; finished work is kept."""

    exit_code = 3


class HubError(MindTheGapError):
    """The Hub went away or refused; what it has been given is kept, and the same command continues."""

    exit_code = 3


class JournalError(MindTheGapError):
    """The journal's file is full, locked, damaged or gone; finished work is kept as far as it can be read."""

    exit_code = 3


class MachineError(MindTheGapError):
    """The machine has no room, or forbids something; finished work is kept."""

    exit_code = 3


class UnansweredError(EngineError):
    """The engine is there, but does not answer this one request; it may answer others."""


class RefusedError(UnansweredError):
    """The engine refuses this one request, and would do so again."""


class UnfinishedError(MindTheGapError):
    """The build stopped before every row had an outcome; the same command continues."""

    exit_code = 3


class InterruptedBuildError(MindTheGapError):
    """The user stopped the build; finished work is kept."""

    exit_code = 130
