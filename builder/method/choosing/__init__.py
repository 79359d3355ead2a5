"""Which of a problem's candidates a release keeps, where it is not the paper's random one."""
