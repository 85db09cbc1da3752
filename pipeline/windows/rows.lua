-- Rows: what a batch brings, a row of 15 characters for each activity. Part of the script that apply.lua ends; rows.py
-- makes them and says how they are laid out.

local byte, sub = string.byte, string.sub

local ROW, FIRST_WHAT, AMOUNTS, KINDS_ROOM = 15, 65, 32, 16
-- What one act adds to its member's day, packed as columns.member_increment says: conversational and relational acts, and
-- whether it shows somebody who takes part.
local TALK, BOND, PART = 1, 262144, 68719476736
local INCREMENTS = {
  -- post, comment, reaction, share, view, mention, join, leave, follow, invite, edit, delete, created, archived
  [0] = TALK + PART, TALK + PART, BOND + PART, TALK + PART, 0, BOND + PART, BOND, 0, BOND, BOND, TALK + PART, PART, 0, 0,
}
-- With the time of its object an act says nothing about when somebody took part.
for kind = 0, 13 do INCREMENTS[KINDS_ROOM + kind] = INCREMENTS[kind] % PART end

-- Adds the rows of a day to its amounts -> member -> packed acts, all activities.
local function sum_rows(rows, amounts)
  local members, activities = {}, 0
  for at = 1, #rows, ROW do
    local place, rest, amount = byte(rows, at) - FIRST_WHAT, sub(rows, at + 4, at + 14), 1
    if place < AMOUNTS then members[rest] = (members[rest] or 0) + INCREMENTS[place]
    else amount = tonumber(rest) end
    local column = place % KINDS_ROOM
    amounts[column] = amounts[column] + amount
    activities = activities + amount
  end
  return members, activities
end
